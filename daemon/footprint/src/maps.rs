//! Lines of `/proc/self/maps` (`proc_pid_maps(5)`).

use std::ops::Range;

/// The range of a mapping that holds a file's code, which nobody may write; `None` for all others.
pub(crate) fn code_of(line: &str) -> Option<Range<usize>> {
    let mut fields = line.split_ascii_whitespace();
    let (range, permissions) = (fields.next()?, fields.next()?);
    let (_offset, _device, inode) = (fields.next()?, fields.next()?, fields.next()?);
    let is_file = inode != "0" && fields.next()?.starts_with('/');
    if permissions != "r-xp" || !is_file {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let bound = |hex| usize::from_str_radix(hex, 16).ok();
    let (start, end) = (bound(start)?, bound(end)?);
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_files_is_taken() {
        let code = "55644a000000-55644b000000 r-xp 00346000 fe:00 123 /usr/bin/qpcd";
        assert_eq!(code_of(code), Some(0x5564_4a00_0000..0x5564_4b00_0000));
        for other in [
            "55644b1d8000-55644b1df000 rw-p 00000000 fe:00 123 /usr/bin/qpcd",
            "55644b1d8000-55644b1df000 rwxp 00000000 fe:00 123 /usr/bin/qpcd",
            "7ffd5a5c7000-7ffd5a5c9000 r-xp 00000000 00:00 0 [vdso]",
            "7f2f57863000-7f2f57864000 r-xp 00000000 00:00 0",
            "55644b000000-55644a000000 r-xp 00346000 fe:00 123 /usr/bin/qpcd",
            "x-y r-xp 0 fe:00 1 /bin/true",
            "",
        ] {
            assert_eq!(code_of(other), None, "{other}");
        }
    }
}
