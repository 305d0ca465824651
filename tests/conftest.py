"""How long properties are looked into: ``pytest --hypothesis-profile=thorough`` takes its time."""

from hypothesis import HealthCheck, settings

# A deadline would measure the machine, and a rule that must not run yet is no sign of a bad generator.
COMMON = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])

settings.register_profile("quick", COMMON, max_examples=100, stateful_step_count=50)
settings.register_profile("thorough", COMMON, max_examples=5_000, stateful_step_count=150)
settings.load_profile("quick")
