"""Whose face is this? Detection, quality, embeddings and a verdict, in worker processes.

The rest of the service talks to :class:`correction_service.face.verifier.Verifier` and reads
:mod:`verdict`, :mod:`template` and :mod:`words`; none of these loads a model or OpenCV.
"""
