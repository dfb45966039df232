"""The engines that keep an export: their own programs, outside of a practice cluster."""

from __future__ import annotations

from acksm.sandbox.gitops import argocd, flux

ENGINES = {"flux": flux.ENGINE, "argocd": argocd.ENGINE}
