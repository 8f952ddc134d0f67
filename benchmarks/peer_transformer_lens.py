"""Run TransformerLens' HookedTransformer, in its own interpreter (envs/transformer-lens.txt).

    python -m benchmarks.peer_transformer_lens ASKED.pt ANSWER.pt

ASKED holds the arguments of a configuration (`config`), rows of tokens (`tokens`) and a state dict
(`state`). ANSWER gets the logits with that state (`logits`), another state whose parameters are all
random (`own_state`), and the logits with it (`own_logits`).
"""

import sys

import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig


def main(path_to_asked: str, path_to_answer: str) -> None:
    """Answer one question."""
    asked = torch.load(path_to_asked)
    model = HookedTransformer(HookedTransformerConfig(**asked["config"], device="cpu", seed=0))
    missing, unexpected = model.load_state_dict(asked["state"], strict=False)
    parameters = dict(model.named_parameters())
    if unexpected or set(missing) & set(parameters):
        raise ValueError(f"missing {missing}, unexpected {unexpected}")
    answer = {}
    with torch.no_grad():
        answer["logits"] = model(asked["tokens"])
        for value in parameters.values():
            value.add_(0.02 * torch.randn_like(value))
        answer["own_state"] = model.state_dict()
        answer["own_logits"] = model(asked["tokens"])
    torch.save(answer, path_to_answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
