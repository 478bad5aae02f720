"""HTTP: how live events come in. Needs the extra `serve`; nothing here is imported without it."""
