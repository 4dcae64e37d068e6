//! A few lines: the result of [`followsift::cli`] becomes an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(followsift::cli::main(std::env::args_os()).code())
}
