"""The validation pyramid, and the decision drawn from its report."""
