"""What to say to whom about one interchange, written in the form that its sender agreed to."""
