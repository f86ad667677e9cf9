//! The commands of RNode-compatible modems, by number. Payloads are big endian (`RND-10`).

/// Sends a packet, or brings one that was received.
pub const DATA: u8 = 0x00;
/// u32 Hz; 0 asks. Echoed with what is in effect.
pub const FREQUENCY: u8 = 0x01;
/// u32 Hz; 0 asks. Echoed with what is in effect.
pub const BANDWIDTH: u8 = 0x02;
/// u8 dBm; [`ASK`] asks. Echoed with what is in effect.
pub const TX_POWER: u8 = 0x03;
/// u8 5..=12; [`ASK`] asks. Echoed with what is in effect.
pub const SPREADING_FACTOR: u8 = 0x04;
/// u8 5..=8, the denominator of 4/x; [`ASK`] asks. Echoed with what is in effect.
pub const CODING_RATE: u8 = 0x05;
/// u8 0 off, 1 on; [`ASK`] asks. Echoed.
pub const RADIO_STATE: u8 = 0x06;
/// u8; 1 from the modem: its settings are incomplete and the radio stays off.
pub const RADIO_LOCK: u8 = 0x07;
/// [`DETECT_REQUEST`], answered with [`DETECT_RESPONSE`].
pub const DETECT: u8 = 0x08;
/// u8, the length of an implicit header.
pub const IMPLICIT: u8 = 0x09;
/// The host goes.
pub const LEAVE: u8 = 0x0a;
/// u16, hundredths of a per cent: air time of the last 15 s the modem allows itself; 0 is off.
pub const SHORT_AIRTIME_LOCK: u8 = 0x0b;
/// u16, hundredths of a per cent: air time of the last hour the modem allows itself; 0 is off.
pub const LONG_AIRTIME_LOCK: u8 = 0x0c;
/// u8: hand over raw frames, with the modem's header byte.
pub const PROMISCUOUS: u8 = 0x0e;
/// u8; 1 from the modem: it takes the next packet.
pub const READY: u8 = 0x0f;
/// u32, packets received. Not sent by modems: a common host falls over it.
pub const STAT_RX: u8 = 0x21;
/// u32, packets sent. Not sent by modems: a common host falls over it.
pub const STAT_TX: u8 = 0x22;
/// u8, dBm + 157, of the packet that follows.
pub const STAT_RSSI: u8 = 0x23;
/// i8, quarters of a dB, of the packet that follows.
pub const STAT_SNR: u8 = 0x24;
/// Air time and channel load, 11 bytes.
pub const STAT_CHANNEL: u8 = 0x25;
/// The physical layer in numbers, six u16.
pub const STAT_PHY: u8 = 0x26;
/// u8 state, u8 per cent.
pub const STAT_BATTERY: u8 = 0x27;
/// u8 band, u8 smallest and u8 largest contention window.
pub const STAT_CSMA: u8 = 0x28;
/// u8, °C + 120.
pub const STAT_TEMPERATURE: u8 = 0x29;
/// Blinks.
pub const BLINK: u8 = 0x30;
/// u8 of the modem's noise.
pub const RANDOM: u8 = 0x40;
/// External frame buffer: 0 off, 1 on.
pub const EXTERNAL_BUFFER: u8 = 0x41;
/// u8, the board.
pub const BOARD: u8 = 0x47;
/// u8, the platform: 0x70 nRF52, 0x80 ESP32, 0x90 AVR.
pub const PLATFORM: u8 = 0x48;
/// u8, the microcontroller.
pub const MCU: u8 = 0x49;
/// u8 major, u8 minor.
pub const FIRMWARE_VERSION: u8 = 0x50;
/// [`RESET_NOW`] from the host; from the modem: it has started over.
pub const RESET: u8 = 0x55;
/// u8, see [`super::rnode::ModemError`].
pub const ERROR: u8 = 0x90;

/// Asks for the present value where it has one byte.
pub const ASK: u8 = 0xff;
/// What a host says to find a modem.
pub const DETECT_REQUEST: u8 = 0x73;
/// What a modem says to that.
pub const DETECT_RESPONSE: u8 = 0x46;
/// The word that makes a modem start over.
pub const RESET_NOW: u8 = 0xf8;
/// RSSI on the line is dBm and this.
pub const RSSI_OFFSET: i16 = 157;
