"""Every error Witting raises on purpose, on one page.

    WittingError
    ├── UsageError              the call or its arguments are wrong           (exit 2)
    │   ├── ConfigError         witting.toml: names the field, the allowed values
    │   └── NotAWorkspace       no witting.toml where one was expected
    ├── InputError              bytes from outside are not what they claim    (exit 1)
    │   ├── UnreadableFile      empty, truncated, wrong encoding, unknown format
    │   ├── HostileArchive      path escape, link, nesting, size ratio, encryption, duplicates
    │   ├── InvalidEvent        a rights event that cannot be recorded: names line and field
    │   └── UnreadablePage      a consent screen that does not open, hangs, or asks nothing
    ├── RightsError
    │   ├── UnknownPurpose      outside the closed list of purposes
    │   └── PolicyError         a policy pack that cannot be read
    ├── StoreError
    │   ├── ObjectExists        an object is created once, with other content this time
    │   ├── ObjectDamaged       bytes differ from the hash they were committed with
    │   ├── CommitRaced         somebody else moved the pointer first: run again
    │   ├── SpoolFull           too many live events wait for a walk
    │   ├── KeyStoreError       a key file is missing, too open, or damaged
    │   └── DiskFull            nothing was lost; free space and run again
    ├── SubjectErased           this person was erased: their data is refused, for good
    ├── LedgerError
    │   ├── LedgerDamaged       an entry, node or checkpoint does not verify: names it
    │   └── ProofInvalid        a proof, certificate or receipt does not verify: says why
    ├── StageError              a stage broke its own contract (schema, scope)
    ├── CorpusError             unknown corpus, or one that does not verify
    ├── TrainingError           nothing to train on, base model not found, missing extra
    ├── GateShut                a release was refused: lists each failed threshold
    ├── BrokerRefused           Kafka does not let this consumer read: says why
    └── MissingExtra            an optional dependency is needed: names the extra to install

Messages say what happened, to which thing, what was allowed and what to do next.
They never contain a person's text, name or handle (style.md, habits 26 and 28).
"""

from __future__ import annotations


class WittingError(Exception):
    """Base of all errors raised on purpose. `exit_code` is what the command line returns."""

    exit_code = 1


class UsageError(WittingError):
    exit_code = 2


class ConfigError(UsageError):
    pass


class NotAWorkspace(UsageError):
    pass


class InputError(WittingError):
    pass


class UnreadableFile(InputError):
    pass


class HostileArchive(InputError):
    pass


class InvalidEvent(InputError):
    pass


class UnreadablePage(InputError):
    pass


class RightsError(WittingError):
    pass


class UnknownPurpose(RightsError):
    exit_code = 2


class PolicyError(RightsError):
    pass


class StoreError(WittingError):
    pass


class ObjectExists(StoreError):
    pass


class ObjectDamaged(StoreError):
    pass


class CommitRaced(StoreError):
    pass


class SpoolFull(StoreError):
    pass


class KeyStoreError(StoreError):
    pass


class DiskFull(StoreError):
    pass


class SubjectErased(WittingError):
    pass


class LedgerError(WittingError):
    pass


class LedgerDamaged(LedgerError):
    pass


class ProofInvalid(LedgerError):
    pass


class StageError(WittingError):
    pass


class CorpusError(WittingError):
    pass


class TrainingError(WittingError):
    pass


class GateShut(WittingError):
    pass


class BrokerRefused(WittingError):
    pass


class MissingExtra(UsageError):
    pass
