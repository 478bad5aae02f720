"""What opens a door: keys, tokens, passwords, one-time codes.

Covers: fifty key formats of providers, PEM private keys, JWT, bearer and basic headers, connection strings, assignments of
long values to names like `api_key`; passwords and codes said in prose in en de fr es pt it nl pl tr hi ko ar.
Not covered: entropy alone (misfires on prose: arXiv 2307.00714), passwords nobody names as such.
Formats follow the providers' documentation and the public rules of gitleaks (MIT), written anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from witting.redaction.lexicon import read_words
from witting.redaction.normalise import View
from witting.redaction.span import Span

# name, pattern: on the folded text, case kept; every one holds an unbroken run of 12 characters or `://` or `-----`.
_FORMATS = (
    ("anthropic", r"sk-ant-(?:api|admin|oat)?\d{0,2}-?[\w\-]{20,}"),
    ("openai", r"sk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_\-]{20,}"),
    ("openrouter", r"sk-or-v1-[0-9a-f]{32,}"),
    ("stripe", r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}"),
    ("stripe_webhook", r"whsec_[A-Za-z0-9+/=]{20,}"),
    ("aws_access_key", r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}"),
    ("github", r"gh[pousr]_[A-Za-z0-9]{30,}"),
    ("github_fine", r"github_pat_\w{22,}"),
    ("gitlab", r"gl(?:pat|dt|ptt|rt|cbt|soat|agent|oas|ft|imt)-[\w\-]{18,}"),
    ("slack", r"xox[abeoprs]-[A-Za-z0-9\-]{10,}"),
    ("slack_app", r"xapp-\d-[A-Za-z0-9\-]{10,}"),
    ("slack_webhook", r"https://hooks\.slack\.com/(?:services|workflows)/[\w/]{20,}"),
    ("discord_webhook", r"https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/\d+/[\w\-]{20,}"),
    ("discord_bot", r"[MNO][A-Za-z\d]{23,27}\.[\w\-]{6}\.[\w\-]{27,}"),
    ("google_api", r"AIza[\w\-]{35}"),
    ("google_oauth", r"GOCSPX-[\w\-]{28}|ya29\.[\w\-]{20,}"),
    ("huggingface", r"hf_[A-Za-z0-9]{30,}|api_org_[A-Za-z0-9]{30,}"),
    ("telegram_bot", r"\d{8,10}:AA[\w\-]{32,34}"),
    ("twilio", r"(?:SK|AC)[0-9a-f]{32}"),
    ("sendgrid", r"SG\.[\w\-]{16,}\.[\w\-]{16,}"),
    ("mailgun", r"key-[0-9a-f]{32}"),
    ("mailchimp", r"[0-9a-f]{32}-us\d{1,2}"),
    ("npm", r"npm_[A-Za-z0-9]{36}"),
    ("pypi", r"pypi-[\w\-]{50,}"),
    ("rubygems", r"rubygems_[0-9a-f]{48}"),
    ("docker", r"dckr_pat_[\w\-]{27,}"),
    ("digitalocean", r"do[oprt]_v1_[0-9a-f]{64}"),
    ("heroku", r"HRKU-[\w\-]{36,}"),
    ("shopify", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    ("square", r"sq0(?:atp|csp)-[\w\-]{22,}|EAAA[\w\-]{60}"),
    ("paypal", r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}"),
    ("facebook", r"EAA[A-Za-z0-9]{60,}"),
    ("linear", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}"),
    ("notion", r"(?:secret|ntn)_[A-Za-z0-9]{40,}"),
    ("airtable", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    ("atlassian", r"ATATT3[\w\-=]{100,}"),
    ("databricks", r"dapi[0-9a-f]{32}(?:-\d)?"),
    ("grafana", r"gl(?:c|sa)_[A-Za-z0-9+/=_]{32,}"),
    ("new_relic", r"NR(?:AK|JS|II)-[A-Za-z0-9\-]{19,}"),
    ("sentry", r"sntry[su]_[\w+/=\-]{40,}"),
    ("vault", r"hv[sbr]\.[\w\-]{24,}"),
    ("terraform", r"[A-Za-z0-9]{14}\.atlasv1\.[\w\-]{60,}"),
    ("planetscale", r"pscale_(?:tkn|pw|oauth)_[\w\-.=]{32,}"),
    ("supabase", r"sb[ps]_[A-Za-z0-9]{30,}|sb_(?:secret|publishable)_[\w\-]{20,}"),
    ("groq", r"gsk_[A-Za-z0-9]{40,}"),
    ("xai", r"xai-[A-Za-z0-9]{60,}"),
    ("replicate", r"r8_[A-Za-z0-9]{36,}"),
    ("perplexity", r"pplx-[A-Za-z0-9]{40,}"),
    ("mapbox", r"[ps]k\.eyJ[\w\-]{40,}\.[\w\-]{20,}"),
    ("azure_storage", r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}={0,2}"),
    ("age_key", r"AGE-SECRET-KEY-1[A-Z0-9]{50,}"),
    ("jwt", r"eyJ[\w\-]{10,}\.eyJ[\w\-]{10,}\.[\w\-]{6,}"),
    ("ssh_public", r"ssh-(?:rsa|ed25519|dss) [A-Za-z0-9+/=]{60,}"),
)  # fmt: skip
_FORMAT = re.compile(
    "(?<![A-Za-z0-9])(?:" + "|".join(rf"(?P<{name}>{pattern})" for name, pattern in _FORMATS) + ")"
)
_LONG = re.compile(r"[\w+/=.$\-]{18}")
_PEM = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\S]{0,20000}?(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|\Z)"
)
_CONNECTION = re.compile(
    r"(?<!\w)[a-z][a-z0-9+.\-]{1,20}://[^\s:/@\"']{0,100}:[^\s@/\"']{1,200}@[^\s\"'<>]{2,300}", re.I
)
_HEADER = re.compile(
    r"(?:authorization\s*[:=]\s*[\"']?)?(?<!\w)(?:bearer|basic|token)\s+(?=[\w+/=.\-]*\d)([\w+/=.\-]{16,})",
    re.I,
)
_ASSIGNED = re.compile(
    r"(?:api|access|secret|auth|private|client|encryption|signing|session|refresh|aws|db|database|admin|root|token)?[_\- ]?(?:key|secret|token|passw(?:or)?d|passphrase|pwd|credential)s?"
    r"(?:_?id|[_ ]key)?[\"']?\s*(?:=>|:=|=|:| is )\s*[\"'`]?([\w+/=.$!@#%^&*\-]{8,200})",
    re.I,
)
_KEYWORDS = (
    "password|passwd|passphrase|passcode|pass ?word|pwd|pw|pass|passwort|kennwort|passwd|mot de passe|mdp|contrasena|clave|senha|palavra-passe|wachtwoord|haslo|hasla|sifre(?:m|si|mi)?|parola(?: d'ordine)?"
    "|pin(?: ?code| number)?|wifi (?:password|pass|key)|wlan-?schlussel|security answer|recovery phrase|seed phrase|पासवर्ड|पिन|비밀번호|비번|패스워드|암호|كلمة (?:السر|المرور)|الرقم السري|пароль|密码|パスワード"
)
_LINK = (
    r"(?:\s+(?:for|to|of|fur|zum|del|de la|do|da|di|van|voor)\s+[\w'\-@./]{1,30}(?:\s[\w'\-]{1,20})?)?"
    r"(?:\s+(?:c'est|was|ist|is|est|es|e|era|sera|lautet|war|to|jest|su|olarak|है|hai|هي|هو|set to|changed to)(?![^\W_])|\s*(?:은|는|이|가|:|=|->|-))+\s*:?\s*"
)
_PROSE = re.compile(
    rf"(?<![^\W_])(?:{_KEYWORDS}){_LINK}(?P<quote>[\"'`*]{{0,2}})(?P<value>[^\s\"'`<>\ue000-\ue0ff]{{3,64}})",
    re.I,
)
_RECOVERY = re.compile(
    r"(?:seed|recovery|mnemonic)(?: phrase| words?)?\s*(?:is|:|=)\s*((?:[a-z]{3,8}[ ,]+){11,23}[a-z]{3,8})"
)
_CODE = re.compile(
    r"(?<![^\W_])(?:otp|one[- ]time (?:password|pass ?code|code)|2fa(?: code)?|(?:verification|security|login|sign-?in|auth\w*|confirmation|access|whatsapp|sms|reset|activation|google|gate|door|alarm|unlock) (?:code|pin|number)"
    r"|(?:your|ur) (?:code|pin)|bestatigungs-?code|sicherheits-?code|anmelde-?code|einmal-?code|tan|code de (?:verification|securite|confirmation)|codigo (?:de )?(?:verificacion|verificacao|seguridad|seguranca|acceso|acesso|confirmacion|confirmacao)"
    r"|codice di (?:verifica|sicurezza|accesso)|verificatiecode|beveiligingscode|kod (?:weryfikacyjny|dostepu|sms)|dogrulama kodu|onay kodu|인증 ?번호|인증 ?코드|확인 ?코드|ओटीपी|सत्यापन कोड|verification कोड|رمز (?:التحقق|التأكيد)|код подтверждения|cvv|cvc|cvv2|pin)"
    r"[^\d\n.]{0,24}?(?<![\w.])((?:[A-Z]-)?\d{3,4}[ \-]?\d{0,4})(?!\w|[.,]\d|%)",
    re.I,
)
_ORDINARY = read_words("not_passwords")
KEYWORD_TRIGGERS = read_words("secret_triggers")
KEYWORD_STEMS = (
    "비밀번호",
    "비번",
    "패스워드",
    "암호",
    "인증",
    "확인코드",
    "api_",
    "aws_",
    "secret",
    "token",
    "db_",
    "密码",
    "パスワード",
)


def find_formats(view: View) -> Iterator[Span]:
    """Secrets known by their form; any text."""
    text = view.folded
    if "-----BEGIN" in text:
        for match in _PEM.finditer(text):
            yield Span(match.start(), match.end(), "SECRET", 1.0, "secret.private_key")
    if "://" in text:
        for match in _CONNECTION.finditer(text):
            yield Span(match.start(), match.end(), "SECRET", 0.99, "secret.connection_string")
    if _LONG.search(text):
        for match in _FORMAT.finditer(text):
            if _mixed(match.group()):
                yield Span(match.start(), match.end(), "SECRET", 0.99, f"secret.{match.lastgroup}")


def find_named(view: View) -> Iterator[Span]:
    """Secrets known by the word beside them; a text that holds one of the keywords."""
    for match in _HEADER.finditer(view.folded):
        yield Span(match.start(1), match.end(1), "SECRET", 0.95, "secret.header")
    for match in _ASSIGNED.finditer(view.folded):
        start, end = match.span(1)
        if _unguessable(match.group(1)):
            yield Span(start, _trim(view.folded, start, end), "SECRET", 0.9, "secret.assigned")
    for match in _PROSE.finditer(view.plain):
        start, end = match.span("value")
        end = _trim(view.folded, start, end)
        if _is_password(view, start, end, quoted=bool(match["quote"])):
            yield Span(start, end, "SECRET", 0.88, "secret.prose")
    for match in _RECOVERY.finditer(view.plain):
        yield Span(match.start(1), match.end(1), "SECRET", 0.95, "secret.recovery_phrase")
    for match in _CODE.finditer(view.plain):
        end = match.end(1) - (len(match.group(1)) - len(match.group(1).rstrip(" -")))
        yield Span(match.start(1), end, "SECRET", 0.9, "secret.code")


def _mixed(value: str) -> bool:
    """More than one repeated or spelled-out character: `sk-your-api-key-goes-here-please` is a stand-in."""
    return (len(set(value)) > 6 and any(c.isdigit() for c in value)) or sum(c.isupper() for c in value) > 3


def _unguessable(value: str) -> bool:
    kinds = (
        any(c.isdigit() for c in value),
        any(c.isupper() for c in value),
        any(c.islower() for c in value),
    )
    return kinds[0] and sum(kinds) >= 2 and len(set(value)) > 5


def _trim(text: str, start: int, end: int) -> int:
    while end > start + 1 and text[end - 1] in ".,;:!?)]}*…।":
        if text[end - 1] == "!" and end - start > 4 and any(c.isdigit() for c in text[start:end]):
            break  # many passwords end with an exclamation mark
        end -= 1
    return end


def _is_password(view: View, start: int, end: int, *, quoted: bool) -> bool:
    value = view.plain[start:end]
    if len(value) < 3 or value in _ORDINARY or not any(c.isalnum() for c in value):
        return False
    written = view.folded[start:end]
    if (
        quoted
        or any(not c.isalpha() for c in written[:-1])
        or (not written.islower() and not written.istitle())
    ):
        return "'" not in value
    rest = view.folded[end : end + 24].lstrip(" ")
    return (
        rest == ""
        or rest[0] in ".,;!?)\n"
        or "입니" in rest
        or rest.startswith(("है", "hai", "이야", "and ", "und ", "et ", "y ", "e ", "en ", "i "))
    )
