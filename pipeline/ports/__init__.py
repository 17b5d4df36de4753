"""Small protocols, in our words, behind which the world stands."""
