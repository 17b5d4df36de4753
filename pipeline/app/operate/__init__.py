"""An operator's verbs: one module each, on what `acting` finds, and `bulk` for lists of things."""
