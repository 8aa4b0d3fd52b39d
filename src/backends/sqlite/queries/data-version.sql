-- A number that differs from the one before when another connection has committed since.
PRAGMA data_version
