"""The values every room speaks in; standard library only, no clock, no files."""
