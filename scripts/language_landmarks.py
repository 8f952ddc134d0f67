"""Find the landmarks of a language model's training."""

from stagewise.studies.language.landmarks import landmark_table
from stagewise.studies.language.layout import LANDMARKS, METRICS
from stagewise.workflow.jobs import job


def main(*, path_to_metrics: str, path_to_landmarks: str) -> None:
    """Write a row a landmark."""
    LANDMARKS.write(path_to_landmarks, landmark_table(METRICS.read(path_to_metrics)))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_metrics=snakemake.input.metrics,
            path_to_landmarks=snakemake.output.landmarks,
        )
