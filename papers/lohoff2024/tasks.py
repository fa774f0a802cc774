"""The four scalar tasks of Lohoff and Neftci (2024) as plain NumPy functions, operation by operation.

They deviate from the textbooks in places, and every operation is written as it is counted: what looks like a common
subexpression is computed again where the paper's programs compute it again.
"""

import numpy as np


def human_heart_dipole(x1, x2, x3, x4, x5, x6, x7, x8, s=1.0):
    """Residuals of the human heart dipole problem, 8 inputs and 8 outputs."""
    f1 = x1 + x2 - s
    f2 = x3 + x4 - s
    f3 = x5 * x1 + x6 * x2 - x7 * x3 - x8 * x4 - s
    f4 = x7 * x1 + x8 * x2 + x5 * x3 + x6 * x4 - s
    p = x5**2 - x7**2
    q = x6**2 - x8**2
    f5 = x1 * p - 2 * x3 * x5 * x7 + x2 * q - 2 * x4 * x6 * x8 - s
    f6 = x3 * p - 2 * x1 * x5 * x7 + x4 * q - 2 * x2 * x6 * x8 - s
    A = x5 * (x5**2 - 3 * x7**2)
    B = x7 * (x7**2 - 3 * x5**2)
    C = x6 * (x6**2 - 3 * x8**2)
    E = x8 * (x8**2 - 3 * x6**2)
    f7 = x1 * A + x3 * B + x2 * C + x4 * E - s
    f8 = x3 * A - x1 * B + x4 * C - x2 * E - s
    return f1, f2, f3, f4, f5, f6, f7, f8


def propane_combustion(x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, P=40.0, R=10.0):
    """Residuals of the combustion of propane in air, 11 inputs and 11 outputs."""
    R4 = 4 * R
    r = np.sqrt(P / x11)
    f1 = x1 + x4 - 3
    f2 = 2 * x1 + x2 + x4 + x7 + x8 + x9 + 2 * x10 - R
    f3 = 2 * x2 + 2 * x5 + x6 + x7 - 8
    f4 = 2 * x3 + x9 - R4
    f5 = x2 * x4 - x1 * x5
    f6 = np.sqrt(x2 * x4) - np.sqrt(x1) * r * x6
    f7 = np.sqrt(x1 * x2) - np.sqrt(x4) * x7 * r
    f8 = x1 - x4 * x8 * P / x11
    f9 = x1 * np.sqrt(x3) - x4 * x9 * r
    f10 = x1**2 - x4**2 * x10 * P / x11
    f11 = x11 - x1 - x2 - x3 - x4 - x5 - x6 - x7 - x8 - x9 - x10
    return f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11


def robot_arm_6dof(t1, t2, t3, t4, t5, t6):
    """Position and orientation of the hand of a robot arm with six joints, 6 inputs and 6 outputs."""
    a1, a2, a3, d1, d4, d6 = 175.0, 890.0, 50.0, 575.0, 1035.0, 185.0
    c1, c2, c4, c5, c6 = np.cos(t1), np.cos(t2), np.cos(t4), np.cos(t5), np.cos(t6)
    c23 = np.cos(t2) * np.cos(t3) - np.sin(t2) * np.sin(t3)
    s1, s2, s4, s5, s6 = np.sin(t1), np.sin(t2), np.sin(t4), np.sin(t5), np.sin(t6)
    s23 = np.cos(t2) * np.sin(t3) + np.sin(t2) * np.cos(t3)

    ax = s5 * (c1 * c23 * c4 + s1 * s4) + c1 * s23 * c5
    ay = s5 * (s1 * c23 * c4 - c1 * s4) + s1 * s23 * c5
    az = s23 * c4 * s5 - c23 * c5
    nz = c6 * (c23 * s5 + s23 * c4 * c5) - s23 * s4 * s6
    oz = -s6 * (c23 * s5 + s23 * c4 * c5) - s23 * s4 * c6
    z = np.arctan2(ay, ax)
    y = np.arctan2(np.sqrt(1 - az**2), az)
    w = np.arctan2(oz, -nz)

    x_1 = d6 * (s5 * (c1 * c23 * c4 + s1 * s4) + c1 * s23 * c5)
    x_2 = c1 * (a1 + a2 * c2 + a3 * c23 + d4 * s23)
    px = x_1 + x_2
    y_1 = d6 * (s5 * (s1 * c23 * c4 + c1 * s4) + s1 * s23 * c5)
    y_2 = s1 * (a1 + a2 * c2 + a3 * c23 + d4 * s23)
    py = y_1 + y_2
    pz = a2 * s2 + d1 + a3 * s23 - d4 * c23 + d6 * (s23 * c4 * s5 - c23 * c5)
    return px, py, pz, z, y, w


def roe_flux_1d(ul0, ul1, ul2, ur0, ur1, ur2):
    """Roe's approximate flux between two states of a gas in one dimension, 6 inputs and 3 outputs."""
    g = 0.5
    g1 = g - 1
    du0 = ur0 - ul0
    m = np.sqrt(ul0 * ur0)
    w = np.sqrt(ul0) + np.sqrt(ur0)
    vl = ul1 / ul0
    pl = g1 * (ul2 - 0.5 * ul1**2 / ul0)
    hl = (ul2 + pl) / ul0
    vr = ur1 / ur0
    pr = g1 * (ur2 - 0.5 * ur1**2 / ur0)
    hr = (ur2 + pr) / ur0
    dp = pr - pl
    dv = vr - vl
    u = (np.sqrt(ul0) * vl + np.sqrt(ur0) * vr) / w
    h = (np.sqrt(ul0) * hl + np.sqrt(ur0) * hr) / w
    q = u**2
    a2 = g1 * (h - 0.5 * q)
    a = np.sqrt(a2)
    lp, l, ln = np.abs(u + a), np.abs(u), np.abs(u)  # noqa: E741
    n = a * m
    c0 = (du0 - dp / a2) * l
    c1 = (dv + dp / n) * lp
    c2 = (dv - dp / n) * ln
    FL = _euler_flux(ul0, ul1, ul2, pl)
    FR = _euler_flux(ur0, ur1, ur2, pr)
    F = [left + right for left, right in zip(FL, FR, strict=True)]
    c = 0.5 * m / a
    dF0 = c0 + c * c1 - c * c2
    dF1 = c0 * u + c * c1 * (u + a) - c * c2 * (u - a)
    dF2 = c0 * 0.5 * q + c * c1 * (h + u * a) - c * c2 * (h - u * a)
    return 0.5 * (F[0] - dF0), 0.5 * (F[1] - dF1), 0.5 * (F[2] - dF2)


def _euler_flux(u0, u1, u2, p):
    v = u1 / u0
    return u1, p + u1 * v, v * (p + u2)


# name: (function, a point, inputs / operations / inner / edges, published forward / reverse / Markowitz / learned)
TASKS = {
    "RoeFlux_1d": (
        roe_flux_1d,
        (1.0, 0.3, -2.5, 0.8, -0.4, -2.1),
        (6, 101, 98, 177),
        (620, 364, 407, 320),
    ),
    "RobotArm_6DOF": (
        robot_arm_6dof,
        (0.3, -0.5, 0.7, 0.2, 0.9, -0.4),
        (6, 114, 108, 190),
        (397, 301, 288, 231),
    ),
    "HumanHeartDipole": (
        human_heart_dipole,
        (0.3, 0.7, -0.2, 0.9, 1.1, -0.6, 0.4, 0.8),
        (8, 86, 78, 144),
        (240, 172, 194, 148),
    ),
    "PropaneCombustion": (
        propane_combustion,
        (0.9, 0.6, 0.8, 0.7, 1.2, 0.5, 0.4, 1.3, 0.3, 0.2, 1.5),
        (11, 62, 51, 104),
        (151, 90, 111, 88),
    ),
}
