"""How each format is written down: the one safe parser, and one table a format."""
