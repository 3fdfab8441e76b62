"""Renders deploy/k8s and checks what comes out: `make k8s`."""
