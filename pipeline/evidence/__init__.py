"""What is handed to others as proof of one invoice: the file, and how it is checked."""
