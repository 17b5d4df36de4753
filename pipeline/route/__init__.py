"""Where documents go, under which names, and how often it is tried."""
