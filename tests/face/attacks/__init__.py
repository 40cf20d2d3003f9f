"""Check-ins made from photos: of living heads in three dimensions, and of those who pretend.

``heads`` bends a photo over a head (or a sheet) and turns it before a camera, ``cameras`` is what
phones do to the light, ``scenes`` what is held before them, ``bursts`` who does what when.
"""
