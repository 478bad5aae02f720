"""Data Rights Protocol 1.0: what agents ask for people, over HTTP."""
