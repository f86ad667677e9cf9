mod formats;
mod forward;
mod vectors;
