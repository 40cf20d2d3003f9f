"""Where a wearer is, smoothed over fixes: a Kalman filter whose velocity fades.

Velocity is an Ornstein-Uhlenbeck process in each direction (people stop), positions are measured
with errors several times what receivers claim (real drift has heavy tails and lasts for minutes),
and a fix far from what was expected weighs less (Huber, 1964). All functions work on columns, one
element a wearer, in metres of the local plane, seconds and their squares.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FADES_S = 120.0  # after this a velocity is worth 1/e
SPEED_MPS = 6.0  # its standard deviation: mostly on foot or standing, seldom a car
DOUBTED = 2.0  # standard deviations of surprise from which on a fix weighs less,
DOUBTED_MOST = 4.0  # with an error at most so many times as large: somebody may have gone far


class Motion(NamedTuple):
    """Positions as offsets from where they were told to be, velocities, and their covariance."""

    north_m: Floats
    east_m: Floats
    north_mps: Floats
    east_mps: Floats
    place_var: Floats  # m², the same in both directions
    cross_var: Floats  # m²/s
    speed_var: Floats  # m²/s²


def begun(error_m: Floats) -> Motion:
    """Where one fix says, at any speed."""
    nothing = np.zeros_like(error_m)
    speed_var = np.full_like(error_m, SPEED_MPS**2)
    return Motion(nothing, nothing, nothing, nothing, error_m**2, nothing, speed_var)


def passed(motion: Motion, seconds: Floats) -> Motion:
    """After so many seconds without a look (the exact discretisation of the process)."""
    keeps = np.exp(-seconds / FADES_S)
    travels_s = FADES_S * (1 - keeps)
    speed_var = SPEED_MPS**2
    place_noise = speed_var * FADES_S * (2 * seconds - FADES_S * (3 - 4 * keeps + keeps**2))
    cross_noise = speed_var * FADES_S * (1 - keeps) ** 2
    return Motion(
        motion.north_m + travels_s * motion.north_mps,
        motion.east_m + travels_s * motion.east_mps,
        keeps * motion.north_mps,
        keeps * motion.east_mps,
        motion.place_var
        + 2 * travels_s * motion.cross_var
        + travels_s**2 * motion.speed_var
        + np.maximum(place_noise, 0.0),
        keeps * (motion.cross_var + travels_s * motion.speed_var) + cross_noise,
        keeps**2 * motion.speed_var + speed_var * (1 - keeps**2),
    )


def seen(motion: Motion, north_m: Floats, east_m: Floats, error_m: Floats) -> Motion:
    """After a fix at these offsets with this standard error in each direction."""
    off_north_m, off_east_m = north_m - motion.north_m, east_m - motion.east_m
    error_var = error_m**2
    surprise = np.sqrt((off_north_m**2 + off_east_m**2) / (motion.place_var + error_var))
    error_var = error_var * np.clip(surprise / DOUBTED, 1.0, DOUBTED_MOST) ** 2
    gain = motion.place_var / (motion.place_var + error_var)
    speed_gain = motion.cross_var / (motion.place_var + error_var)
    return Motion(
        motion.north_m + gain * off_north_m,
        motion.east_m + gain * off_east_m,
        motion.north_mps + speed_gain * off_north_m,
        motion.east_mps + speed_gain * off_east_m,
        (1 - gain) * motion.place_var,
        (1 - gain) * motion.cross_var,
        motion.speed_var - speed_gain * motion.cross_var,
    )
