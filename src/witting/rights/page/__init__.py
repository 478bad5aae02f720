"""A consent screen as a person meets it: opened in Chromium, clicked through, measured, and judged.

Covers: steps to accept, to refuse and to withdraw by real clicks in fresh profiles; defaults, bundling, prominence,
wording, language and readability; asking again after a no; the sixteen deceptive patterns of EDPB Guidelines 03/2022 as
far as a machine sees them; screenshots with their hashes; the evidence record of `capture.py` as far as a page shows it.
Not covered: pages behind a sign-in, frames of another origin, closed shadow roots, what happens on the server, what a
court would say. What a page does not show stays unknown, and unknown fails its rule.

`judge.py` is the verb. `look.py` visits, `paths.py` searches, `screen.py` reads, `measure.py` computes, `patterns.py`
names, `record.py` fills the evidence. Words are data: `words/*.toml`, one file a language.
playwright is imported inside functions only: the extra `page`.
"""
