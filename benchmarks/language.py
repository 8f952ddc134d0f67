"""Language models: tokenising, a training step, and a forward and backward pass beside TransformerLens.

    python -m benchmarks.language DOCUMENTS.parquet GPT2.archive

Both files are made by the rules language_documents and language_archive. The peer needs the environment
of envs/transformer-lens.txt; its passes are run in a process between two of ours. CPU time everywhere.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import torch

from stagewise.core.network import network_descent
from stagewise.core.replicas import Batch, ParameterLayout, Params
from stagewise.core.seeding import StreamKey
from stagewise.core.settings import TrainingSettings
from stagewise.studies.language.batches import TrainingRows
from stagewise.studies.language.documents import read_documents
from stagewise.studies.language.model import cross_entropy, initial_parameters
from stagewise.studies.language.settings import NetworkSettings, Repetition
from stagewise.studies.language.tokenizer import build_tokenizer, encode, read_gpt2_vocabulary
from stagewise.studies.language.tokens import TokenRows
from stagewise.studies.language.transformer_lens import hooked_config, to_hooked

ROOT = Path(__file__).parents[1]
PEER = ROOT / ".peers/transformer-lens/bin/python"
KEY = StreamKey(0, ("benchmark",))
SIZES = {
    "laptop": (NetworkSettings(1000, 64, 2, 4, 64), 32),
    "published": (NetworkSettings(5000, 1024, 2, 8, 256), 2),
}
"""Networks with the rows of a batch."""


def tokenising(path_to_documents: str, path_to_gpt2: str) -> None:
    """Print the speed of encoding for two vocabularies."""
    texts = [document.text for document in read_documents(path_to_documents)]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    for size in (1000, 5000):
        tokenizer = build_tokenizer(read_gpt2_vocabulary(path_to_gpt2).cut(size))
        began = time.process_time()
        count = sum(len(encode(tokenizer, text)) for text in texts)
        rate = megabytes / (time.process_time() - began)
        print(f"V {size}: {rate:.2f} MB/s, {1e6 * megabytes / count:.2f} bytes a token")


def our_seconds(params: Params, network: NetworkSettings, tokens: torch.Tensor) -> float:
    """Return the CPU time of a forward and backward pass of the training loss."""
    leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
    began = time.process_time()
    torch.autograd.grad(cross_entropy(leaves, network, (tokens,)), list(leaves.values()))
    return time.process_time() - began


def training_step(name: str, rounds: int) -> None:
    """Print what a training step costs, in forward and backward passes on the same rows."""
    network, batch_size = SIZES[name]
    params = initial_parameters(network, KEY)
    layout = ParameterLayout.of(params)
    tokens = KEY.child("stream").generator()
    count = 50 * batch_size * network.context_length
    stream = torch.randint(network.vocab_size, (count,), generator=tokens).numpy().astype("uint16")
    rows = TrainingRows(
        TokenRows(stream, network.context_length), batch_size, Repetition(0.3, 8, 21), KEY, "cpu"
    )
    settings = TrainingSettings(rounds, batch_size, 1e-3, None, (0.9, 0.999), 1e-8, 500, 0.05)

    def loss_fn(params: Params, batch: Batch) -> torch.Tensor:
        return cross_entropy(params, network, batch)

    descent = network_descent(loss_fn, layout, layout.flatten(params), rows.batch_at, settings)
    steps, passes = [], []
    for step in range(rounds):
        began = time.process_time()
        descent.advance(step)
        steps.append(time.process_time() - began)
        passes.append(our_seconds(params, network, rows.batch_at(step + 1)[0]))
    ratio = statistics.median(steps[2:]) / statistics.median(passes[2:])
    print(f"{name}: a training step costs {ratio:.2f} forward and backward passes")


def beside_transformer_lens(name: str, passes: int) -> None:
    """Print tokens a second of both, and their ratio."""
    network, batch_size = SIZES[name]
    params = initial_parameters(network, KEY)
    shape = (batch_size, network.context_length)
    tokens = torch.randint(network.vocab_size, shape, generator=KEY.child("tokens").generator())
    ours = [our_seconds(params, network, tokens) for _ in range(passes)][1:]
    with tempfile.TemporaryDirectory() as folder:
        asked, answer = Path(folder) / "asked.pt", Path(folder) / "answer.pt"
        question = {
            "config": hooked_config(network),
            "tokens": tokens,
            "state": to_hooked(params, network),
            "passes": passes,
        }
        torch.save(question, asked)
        command = [PEER, "-m", "benchmarks.peer_transformer_lens", asked, answer]
        subprocess.run([str(part) for part in command], cwd=ROOT, check=True, capture_output=True)
        theirs = torch.load(answer)["seconds"][1:]
    ours += [our_seconds(params, network, tokens) for _ in range(passes)][1:]
    rates = [tokens.numel() / statistics.median(seconds) for seconds in (ours, theirs)]
    print(f"{name}: {rates[0]:.0f} and {rates[1]:.0f} tokens/s, ratio {rates[0] / rates[1]:.2f}")


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documents")
    parser.add_argument("gpt2")
    parser.add_argument("--passes", type=int, default=6)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tokenising(arguments.documents, arguments.gpt2)
    for name in SIZES:
        training_step(name, 10 * arguments.passes)
    if PEER.exists():
        for name in SIZES:
            beside_transformer_lens(name, arguments.passes)
    else:
        print(f"no {PEER}: see envs/transformer-lens.txt")


if __name__ == "__main__":
    main()
