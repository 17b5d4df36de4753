"""Statuses as partners say them: read into one vocabulary, written from it."""
