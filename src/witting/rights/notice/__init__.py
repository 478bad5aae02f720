"""A notice kit: from one file of facts the text that asks for a consent to training, in twelve languages and two layers.

Covers: the facts and what is wrong with them (`facts.py`), sentences as data (`texts/*.toml`, read by `texts.py`),
the layers (`write.py`), figures and checks of each language (`kit.py`), a page that asks (`page.py`), keeping a version
in ledger and notice store (`record.py`). Not covered: whether the facts are true, whether a court would call the text
clear, translation of names. No native lawyer has read the texts: each file says `reviewed = false`, and that is shown.

A sentence stands for a fact, and a fact for a sentence: nothing is said that the facts do not say, but for one sentence
that is true of every model today, that what it learned cannot be fully taken back.

From: GDPR Art. 7, 12, 13; EDPB Guidelines 05/2020 and Art. 29 WP 260 (layers); 11 CCR 7004 (symmetry of choices).
"""
