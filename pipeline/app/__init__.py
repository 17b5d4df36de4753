"""Use cases: gather facts, let the stages decide, act; one thing at a time."""
