"""What the workflow alone needs: configuration, runs, code identities, costs, captions, report."""
