"""Run TransformerLens' HookedTransformer, in its own interpreter (envs/transformer-lens.txt).

    python -m benchmarks.peer_transformer_lens ASKED.pt ANSWER.pt

ASKED holds the arguments of a configuration (`config`), rows of tokens (`tokens`), a state dict
(`state`) and perhaps a number of `passes`. ANSWER gets the logits with that state (`logits`) and the CPU
`seconds` of each forward and backward pass.
"""

import sys
import time

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
    answer["seconds"] = [seconds(model, asked["tokens"]) for _ in range(asked.get("passes", 0))]
    torch.save(answer, path_to_answer)


def seconds(model: HookedTransformer, tokens: torch.Tensor) -> float:
    """Return the CPU time of a forward and backward pass of the training loss."""
    model.zero_grad()
    began = time.process_time()
    model(tokens, return_type="loss").backward()
    return time.process_time() - began


if __name__ == "__main__":
    main(*sys.argv[1:])
