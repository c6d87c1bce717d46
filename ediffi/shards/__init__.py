"""Pictures and captions from outside, made into shards that a training reads."""
