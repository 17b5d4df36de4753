"""Rules of our own: those that were published as sentences, without a pack that tests them."""
