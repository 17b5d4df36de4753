"""The world behind the ports: one module for each outside thing."""
