"""Snakemake's command line, for tests: it asks Slurm every second how its jobs are.

The plugin waits ten seconds longer after each question that found nothing ended, and has no option for
it: right for jobs of hours, a multiple of the work for jobs of seconds. Everything else is as it is.
"""

import asyncio
import sys

from snakemake.cli import main
from snakemake_executor_plugin_slurm import Executor


async def _wait_a_second(executor):
    await asyncio.sleep(1)


Executor.sleep = _wait_a_second
main(sys.argv[1:])
