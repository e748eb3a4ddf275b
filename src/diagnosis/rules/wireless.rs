//! Wireless cards: their firmware, which the drivers call by many names.

use super::Act::{As, Is};
use super::{Name, Rule, rule};
use crate::diagnosis::code::{Code, Severity};

const IWL: &str = "drivers/net/wireless/intel/iwlwifi";
const MT76: &str = "drivers/net/wireless/mediatek/mt76";
const ATH: &str = "drivers/net/wireless/ath";
const BRCM: &str = "drivers/net/wireless/broadcom/brcm80211/brcmfmac";
const RTW: &str = "drivers/net/wireless/realtek";
const OTHER: &str = "drivers/net/wireless";

pub(super) const RULES: &[Rule] = &[
    rule("Microcode SW error detected.", Is(Code::NetFirmwareError, Name::Bus), IWL),
    rule("^iwl*: Hardware error detected. ", Is(Code::NetFirmwareError, Name::Bus), IWL),
    rule("^iwl*: Failed to start RT ucode", Is(Code::NetFirmwareError, Name::Bus), IWL),
    rule("^iwl*: Failed to run INIT ucode", Is(Code::NetFirmwareError, Name::Bus), IWL),
    rule("^iwl*: Error sending *: time out after ", Is(Code::NetFirmwareError, Name::Bus), IWL),
    rule("^iwl*: Queue * is active on fifo * and stuck for ", Is(Code::NetTxTimeout, Name::Bus), IWL),
    rule("^iwl*: Queue * is stuck ", Is(Code::NetTxTimeout, Name::Bus), IWL),
    rule("Microcode CT kill error detected.", As(Code::NetOverheated, Severity::Fatal, Name::Bus), IWL),
    rule("^mt7*: Message * (seq *) timeout", Is(Code::NetFirmwareError, Name::Bus), MT76),
    rule("^mt7*: MCU message * (seq *) timed out", Is(Code::NetFirmwareError, Name::Bus), MT76),
    rule("^mt7*: chip reset failed", As(Code::NetFirmwareError, Severity::Fatal, Name::Bus), MT76),
    rule("^mt7*: chip full reset failed", As(Code::NetFirmwareError, Severity::Fatal, Name::Bus), MT76),
    rule("^ath*: firmware crashed", Is(Code::NetFirmwareError, Name::Bus), ATH),
    rule("^ath6kl: *firmware crash", Is(Code::NetFirmwareError, Name::Bus), ATH),
    rule("^ath: phy*: Chip reset failed", Is(Code::NetAdapterReset, Name::Bus), ATH),
    rule("^wil6210 *: Firmware error detected", Is(Code::NetFirmwareError, Name::Bus), ATH),
    rule("brcmf_fw_crashed: Firmware has halted or crashed", Is(Code::NetFirmwareError, Name::Bus), BRCM),
    rule(": Firmware has halted or crashed", Is(Code::NetFirmwareError, Name::Bus), BRCM),
    rule("brcmf_sdio_checkdied: firmware trap in dongle", Is(Code::NetFirmwareError, Name::Bus), BRCM),
    rule("^rtw*: firmware failed to leave lps state", Is(Code::NetFirmwareError, Name::Bus), RTW),
    rule("^rtw*: failed to send h2c command", Is(Code::NetFirmwareError, Name::Bus), RTW),
    rule("^rtw89*: SER catches error: ", Is(Code::NetFirmwareError, Name::Bus), RTW),
    rule("mwifiex_cmd_timeout_func: Timeout cmd id", Is(Code::NetFirmwareError, Name::Bus), OTHER),
    rule("^wlcore: ERROR SW watchdog interrupt received", Is(Code::NetFirmwareError, Name::Bus), OTHER),
    rule("^wlcore: ERROR HW watchdog interrupt received", Is(Code::NetFirmwareError, Name::Bus), OTHER),
];
