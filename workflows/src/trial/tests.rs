//! Tests of trials.
