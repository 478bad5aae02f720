"""What each kind finds, and beside it what it must leave alone."""

from __future__ import annotations

import pytest

from witting.redaction import scan


def found(text: str, *, names: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    return [(span.family, text[span.start : span.end]) for span in scan(text, known_names=names)[0]]


FAKE = "Zk3Qw9Lm2Xc7Vb5Nn8Tr4Yp6Hd1Gf0Js"  # 32 characters nobody was ever given


@pytest.mark.parametrize(
    "secret",
    [
        f"sk-proj-{FAKE}", f"sk-ant-api03-{FAKE}", f"sk_live_{FAKE}", "AKIAQ3EXAMPLE7KEYZ9W", f"ghp_{FAKE}Ab12",
        f"github_pat_{FAKE}", f"glpat-{FAKE[:20]}", f"xoxb-123456789012-{FAKE}", f"AIza{FAKE}abc", f"hf_{FAKE}",
        f"npm_{FAKE}abc1", f"SG.{FAKE}.{FAKE}", f"dckr_pat_{FAKE}", f"hvs.{FAKE}", f"r8_{FAKE}abcd1", f"gsk_{FAKE}{FAKE}",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "postgres://app:S3cretPw@db.example.net:5432/main",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nabc\n-----END RSA PRIVATE KEY-----",
    ],
)  # fmt: skip
def test_known_forms_of_secrets_are_found_whole(secret: str) -> None:
    text = f"why does this fail: {secret} thanks"
    assert found(text) == [("SECRET", secret)]
    assert scan(text)[1].secret


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("my password is hunter2!", "hunter2!"),
        ("the wifi password: Sommer2024", "Sommer2024"),
        ("my password is sunshine.", "sunshine"),
        ("mon mot de passe c'est Soleil99", "Soleil99"),
        ("Passwort: Geheim!23", "Geheim!23"),
        ("minha senha é gatinho123", "gatinho123"),
        ("mi contraseña es Perro#1", "Perro#1"),
        ("la mia password è Gatto77", "Gatto77"),
        ("mijn wachtwoord is fiets42", "fiets42"),
        ("moje hasło to kotek12", "kotek12"),
        ("şifrem: kedi1234", "kedi1234"),
        ("मेरा पासवर्ड है Gupta@123", "Gupta@123"),
        ("비밀번호는 qwer1234 입니다", "qwer1234"),
        ("Your verification code is 482913", "482913"),
        ("인증번호 839201", "839201"),
        ("código de verificação: 5521", "5521"),
        ('api_key = "a8F3kz91LmQ2"', "a8F3kz91LmQ2"),
        ("Authorization: Bearer 9f8e7d6c5b4a39281706", "9f8e7d6c5b4a39281706"),
    ],
)
def test_passwords_and_codes_said_in_prose_are_found(text: str, secret: str) -> None:
    assert ("SECRET", secret) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "my password is not working",
        "I forgot my password, how do I reset it?",
        "the password is wrong",
        "das Passwort ist falsch",
        "minha senha não funciona",
        "error code 404 and area code 212",
        "use sk-your-api-key-goes-here in the example",
        "The key is to practice every day",
        "passengers are often trusting",
        "What makes a password strong?",
    ],
)
def test_talk_about_passwords_holds_no_secret(text: str) -> None:
    assert not scan(text)[1].secret


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("write to ana.souza+x@mail.example.org.", "EMAIL", "ana.souza+x@mail.example.org"),
        ("it's ana dot souza at gmail dot com", "EMAIL", "ana dot souza at gmail dot com"),
        ("ping @ana_souza92 please", "USERNAME", "@ana_souza92"),
        ("my insta is ana.s_92", "USERNAME", "ana.s_92"),
        ("see https://example.com/a(b)?c=1.", "URL", "https://example.com/a(b)?c=1"),
        ("server 10.0.0.12 is down", "IP", "10.0.0.12"),
        ("2001:db8::8a2e:370:7334 answers", "IP", "2001:db8::8a2e:370:7334"),
        ("call (555) 123-4567", "PHONE", "(555) 123-4567"),
        ("llámame al 612 34 56 78", "PHONE", "612 34 56 78"),
        ("mein Handy 0151 23456789", "PHONE", "0151 23456789"),
        ("me liga no (11) 91234-5678", "PHONE", "(11) 91234-5678"),
        ("전화번호는 010-1234-5678이고", "PHONE", "010-1234-5678"),
        ("call me on 98765 43210", "PHONE", "98765 43210"),
        ("tel. 06 12 34 56 78", "PHONE", "06 12 34 56 78"),
        ("I live at 12 Baker Street, apt 4", "ADDRESS", "12 Baker Street, apt 4"),
        ("Ich wohne in der Hauptstraße 12, 10115 Berlin", "ADDRESS", "Hauptstraße 12, 10115 Berlin"),
        ("moro na Rua das Flores, 25", "ADDRESS", "Rua das Flores, 25"),
        ("j'habite 12 rue de la Paix", "ADDRESS", "12 rue de la Paix"),
        ("vivo en la Calle Serrano 42", "ADDRESS", "Calle Serrano 42"),
        ("abito in via Roma 12", "ADDRESS", "via Roma 12"),
        ("ul. Marszałkowska 10/4", "ADDRESS", "ul. Marszałkowska 10/4"),
        ("Atatürk Caddesi No: 12", "ADDRESS", "Atatürk Caddesi No: 12"),
        ("서울시 강남구 테헤란로 123", "ADDRESS", "서울시 강남구 테헤란로 123"),
        ("my postcode is SW1A 1AA", "ADDRESS", "SW1A 1AA"),
        ("born 1990-01-31", "DATE", "1990-01-31"),
        ("am 3. März 2021", "DATE", "3. März 2021"),
        ("em 12 de março de 2025", "DATE", "12 de março de 2025"),
        ("on March 15, 1989", "DATE", "March 15, 1989"),
        ("2024년 3월 5일에", "DATE", "2024년 3월 5일"),
        ("a 34 year old man", "AGE", "34 year old"),
    ],
)
def test_contacts_places_and_dates_are_found(text: str, kind: str, value: str) -> None:
    assert (kind, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "I walked down the street for 20 minutes",
        "May I ask 3 questions? In march we march",
        "the drive was 5 hours",
        "use @property and @media here",
        "version 1.2.3.4 beta",
        "std::vector<int> at 12:30:45",
        "we won 3-2 and 10/10 would do again",
        "cook at 180 for 25 min, then 2 tbsp",
        "I paid $1,200.50 for 3 tickets",
        "meet me at noon, dot the i",
        "not-an-email@ and 5 @ 10",
    ],
)
def test_harmless_numbers_and_words_are_left_alone(text: str) -> None:
    assert found(text) == []


def test_dates_stay_where_the_settings_keep_them() -> None:
    text = "on March 15, 1989 write to a@example.org"
    assert [s.family for s in scan(text, keep_dates=True)[0]] == ["EMAIL"]
    assert [s.family for s in scan(text)[0]] == ["DATE", "EMAIL"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("oi ana, tudo bem?", "ana"),
        ("did ANA SOUZA call?", "ANA SOUZA"),
        ("Ana's soup", "Ana's"),
        ("souza disse isso", "souza"),
        ("o email da Katarzina", "Katarzina"),
        ("Ánà Souza!", "Ánà Souza"),
        ("안녕 민준아", "민준아"),
        ("김민준이 왔어", "김민준이"),
        ("Spotkałem Katarzynę", "Katarzynę"),
    ],
)
def test_known_names_are_found_in_any_dress(text: str, value: str) -> None:
    names = ("Ana Souza", "김민준", "Katarzyna Nowak")
    got = [(k, v) for k, v in found(text, names=names) if k == "PERSON"]
    assert " ".join(v for _, v in got).rstrip("'s") == value.rstrip("'s")


@pytest.mark.parametrize(
    "text",
    [
        "same time as always",
        "I will make a mark",
        "the alien saw a banana",
        "you may go",
        "la semana pasada",
        "Time flies. Will you come?",
    ],
)
def test_words_that_only_look_like_known_names_are_left_alone(text: str) -> None:
    names = ("Sam Will", "Ana Souza", "Tim May", "Ali Mark")
    assert found(text, names=names) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Hi, my name is Peter Parkinson and I cook", "Peter Parkinson"),
        ("my name is ana souza and i cook", "ana souza"),
        ("Ich heiße Jürgen Vogt", "Jürgen Vogt"),
        ("je m'appelle Noémie", "Noémie"),
        ("me llamo Lucía Pérez", "Lucía Pérez"),
        ("meu nome é joão silva", "joão silva"),
        ("mi chiamo Giulia", "Giulia"),
        ("ik heet Sanne de Vries", "Sanne de Vries"),
        ("nazywam się Piotr Nowak", "Piotr Nowak"),
        ("benim adım Zeynep", "Zeynep"),
        ("मेरा नाम राहुल शर्मा है", "राहुल शर्मा"),
        ("제 이름은 홍길동입니다", "홍길동"),
        ("Frau Müller hat angerufen", "Müller"),
        ("ask Dr. Okafor tomorrow", "Okafor"),
        ("I met my friend Anna yesterday", "Anna"),
        ("Maria Lopez called", "Maria Lopez"),
        ("Ahmet Bey geldi", "Ahmet Bey"),
    ],
)
def test_people_who_are_introduced_or_titled_are_found(text: str, value: str) -> None:
    assert ("PERSON", value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "my name is not important",
        "I'm Happy and I'm Tired",
        "call me later please",
        "ich bin Arzt in Berlin",
        "San Antonio is warm in May",
        "Hi there, Good morning team",
        "Grace is a virtue, Hope too",
        "je suis content",
    ],
)
def test_no_name_is_seen_where_nobody_is_named(text: str) -> None:
    assert [v for k, v in found(text) if k == "PERSON"] == []
