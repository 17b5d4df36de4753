"""Drivers: what starts the hub; they decide nothing."""
