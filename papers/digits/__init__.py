"""Real data: handwritten digits by D^H ((I - L)^H \\ g), and a Gauss-Newton fit.

No paper but the main job: the gradient of the backslash paper, written in its own words, trains a 64-64-32-10 network
in plain NumPy on the 1797 images that scikit-learn ships, through SciPy's L-BFGS-B. A third of the images, stratified,
is held out; the median accuracy over 5 seeds must reach 97 %. The second part hands a Jacobian that is never formed to
`scipy.optimize.least_squares`, on scikit-learn's diabetes data.

    network.py       the network, its gradient, training
    training.py      claims and pictures of the digits
    gauss_newton.py  least squares with a Jacobian operator
"""

from papers.digits import gauss_newton, training

TITLE = "Handwritten digits and a Gauss-Newton fit"
SOURCE = (
    "Alpaydin and Kaynak, UCI digits, 1998; Efron, Hastie, Johnstone, Tibshirani, diabetes, 2004 (scikit-learn's data)"
)
EXPERIMENTS = [*training.EXPERIMENTS, *gauss_newton.EXPERIMENTS]
