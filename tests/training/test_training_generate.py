from __future__ import annotations

import torch

from witting.training import Base, Dialogue, generate

ASKED = [{"role": "user", "content": "where is the kettle?"}]


def answer(base: Base, **changes: object) -> str:
    settings: dict[str, object] = {"max_new_tokens": 24} | changes
    return "".join(generate(base.model, base.tokenizer, ASKED, **settings))  # type: ignore[bad-argument-type]


def test_a_greedy_answer_is_what_the_whole_model_finds_likeliest(base: Base) -> None:
    tokens = Dialogue(base.tokenizer).prompt(ASKED)
    start = len(tokens)
    with torch.no_grad():
        for _ in range(24):
            token = int(base.model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0, -1].argmax())
            if token == base.tokenizer.eos_token_id:
                break
            tokens.append(token)
    assert answer(base) == base.tokenizer.decode(tokens[start:], skip_special_tokens=True)


def test_the_same_seed_gives_the_same_answer_and_another_another(base: Base) -> None:
    first = answer(base, temperature=1.0, seed=1)
    assert first == answer(base, temperature=1.0, seed=1)
    assert first != answer(base, temperature=1.0, seed=2)


def test_processors_see_every_token_and_decide(base: Base) -> None:
    wanted = base.tokenizer("the soup needs", add_special_tokens=False)["input_ids"]
    seen: list[int] = []

    def only(tokens: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        step = len(seen)
        seen.append(tokens.shape[1])
        forced = torch.full_like(scores, float("-inf"))
        forced[:, wanted[step] if step < len(wanted) else base.tokenizer.eos_token_id] = 0.0
        return forced

    assert answer(base, logits_processors=[only]) == "the soup needs"
    assert seen == list(range(seen[0], seen[0] + len(wanted) + 1))


def test_a_character_is_told_whole(base: Base) -> None:
    wanted = base.tokenizer("né 猫", add_special_tokens=False)["input_ids"]
    steps = iter([*wanted, base.tokenizer.eos_token_id])

    def only(tokens: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        forced = torch.full_like(scores, float("-inf"))
        forced[:, next(steps)] = 0.0
        return forced

    pieces = list(generate(base.model, base.tokenizer, ASKED, max_new_tokens=24, logits_processors=[only]))
    assert pieces == ["n", "é", " ", "猫"]


def test_an_answer_has_at_most_so_many_tokens(base: Base) -> None:
    assert len(list(generate(base.model, base.tokenizer, ASKED, max_new_tokens=3, temperature=1.0))) <= 3


def test_a_conversation_longer_than_the_window_keeps_its_end(base: Base) -> None:
    long = [{"role": "user", "content": "where is the kettle? " * 200}]
    assert isinstance("".join(generate(base.model, base.tokenizer, long, max_new_tokens=4)), str)
