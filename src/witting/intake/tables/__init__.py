"""Tables of any origin."""
