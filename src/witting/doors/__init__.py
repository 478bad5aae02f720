"""The doors: how people and programs come in. The command line here; HTTP, privacy centre and console later."""
