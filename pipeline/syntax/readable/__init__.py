"""The readable invoice: what a person is shown of a document, on a screen or on paper."""
