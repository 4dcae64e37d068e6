//! A few lines: the result of [`followsift::cli`] becomes an exit code.

fn main() {}
