//! Tests of the whole program, through its public faces, on each database.

mod support;
