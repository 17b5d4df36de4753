"""The scenario of the life cycle: two months of invoices, every act of a partner a file."""
