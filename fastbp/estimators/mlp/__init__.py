"""scikit-learn's MLPClassifier and MLPRegressor: parameters, checks, solvers, early stopping."""
