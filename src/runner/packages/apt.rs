//! Packages of the distribution.

use std::path::Path;

use super::step::{Complaint, Failed};
use super::{Failure, Job, State, cache};

/// Before its lists were ever fetched this is missing, as in a fresh ephemeral image (contract REGION, "Packages").
const CACHE: &str = "/var/cache/apt/pkgcache.bin";
/// Locks are waited for, questions about configuration files are answered with the package's default or what is there,
/// and a dot in a name is a dot.
const INSTALL: &str = "apt-get -qy -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -o APT::Cmd::Pattern-Only=true \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold --no-install-recommends";

/// What a script may write: `name`, `name:arch`, and one of these with `=version` or `/suite`.
#[derive(Debug, PartialEq, Eq)]
struct Wanted<'a> {
    name: &'a str,
    architecture: Option<&'a str>,
    version: Option<&'a str>,
    suite: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn parse(word: &'a str) -> Result<Self, String> {
        let cut = |text: &'a str, at: char| text.split_once(at).map_or((text, None), |(head, rest)| (head, Some(rest)));
        let (rest, version) = cut(word, '=');
        let (rest, suite) = cut(rest, '/');
        let (name, architecture) = cut(rest, ':');
        let plain = |text: &str, more: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        let parts = [(architecture, "-"), (version, ".+-:~"), (suite, ".-_")];
        if !plain(name, "+.-") || parts.iter().any(|(part, more)| part.is_some_and(|part| !plain(part, more))) {
            return Err(format!(
                "{word:?} is no name of a package (name, name:architecture, name=version or name/suite); correct the script's \
                 packages"
            ));
        }
        if word.ends_with('-') && version.is_none() && suite.is_none() {
            return Err(format!("{word:?} would remove a package (it ends in -); correct the script's packages"));
        }
        Ok(Wanted { name, architecture, version, suite })
    }

    /// Whether the lines of dpkg-query (package, architecture, version, status) have it.
    fn is_in(&self, installed: &str, native: &str) -> bool {
        self.suite.is_none()
            && installed.lines().any(|line| {
                let mut fields = line.split('\t');
                let mut field = || fields.next().unwrap_or_default();
                let (name, architecture, version, status) = (field(), field(), field(), field());
                name == self.name
                    && (architecture == "all" || architecture == self.architecture.unwrap_or(native))
                    && self.version.is_none_or(|wanted| wanted == version)
                    && status.chars().nth(1) == Some('i')
                    && status.trim_end().len() == 2
            })
    }
}

pub(super) fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

impl Job<'_> {
    /// Installs what is not there.
    pub(super) async fn apt(&self, state: &mut State, names: &[String]) -> Result<(), Failure> {
        let wanted: Result<Vec<Wanted<'_>>, String> = names.iter().map(|name| Wanted::parse(name)).collect();
        let wanted = wanted.map_err(Failure::new)?;
        if wanted.is_empty() {
            return Ok(());
        }
        if self.are_installed(&wanted).await {
            self.say(&format!("[{} installed already]", names.join(" ")));
            return Ok(());
        }
        let mut rest = words("install --");
        rest.extend_from_slice(names);
        self.apt_get(state, &rest).await
    }

    /// `apt-get`, with fresh lists where the old ones do not do, and after an installation that was cut off.
    pub(super) async fn apt_get(&self, state: &mut State, rest: &[String]) -> Result<(), Failure> {
        let mut command = words(INSTALL);
        let cached = self.runner.options.packages.cache.as_deref().map(cache::debs).unwrap_or_default();
        // Apt then knows of these files as of packages in an archive, dependencies included.
        command.extend(cached.iter().map(|deb| format!("--with-source={}", deb.display())));
        command.extend_from_slice(rest);
        if cached.is_empty() && !self.runner.host.exists(CACHE) {
            self.update(state).await?;
        }
        let mut repaired = false;
        loop {
            let failed = match self.step(&command).await {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            match failed.complaint {
                Complaint::CutOff if !repaired => {
                    repaired = true;
                    self.step(&words("dpkg --force-confdef --force-confold --configure -a")).await?;
                }
                Complaint::Outdated if !state.updated => self.update(state).await?,
                _ => return Err(failed.into()),
            }
        }
    }

    /// Once a run. A source that does not answer is no reason to give up: the others may have what is wanted.
    async fn update(&self, state: &mut State) -> Result<(), Failed> {
        if std::mem::replace(&mut state.updated, true) {
            return Ok(());
        }
        match self.step(&words("apt-get -qy update")).await {
            Err(failed) if failed.complaint == Complaint::Missing || failed.failure.exit >= 124 => Err(failed),
            _ => Ok(()),
        }
    }

    async fn are_installed(&self, wanted: &[Wanted<'_>]) -> bool {
        let mut query = vec!["-W", "-f", "${Package}\\t${Architecture}\\t${Version}\\t${db:Status-Abbrev}\\n"];
        query.extend(wanted.iter().map(|wanted| wanted.name));
        let Some(installed) = self.ask("dpkg-query", &query).await else { return false };
        let Some(native) = self.ask("dpkg", &["--print-architecture"]).await else { return false };
        let (installed, native) = (String::from_utf8_lossy(&installed.stdout), String::from_utf8_lossy(&native.stdout));
        wanted.iter().all(|wanted| wanted.is_in(&installed, native.trim()))
    }

    /// Installs a package from a file.
    pub(super) async fn deb(&self, state: &mut State, file: &Path) -> Result<(), Failure> {
        let path = file.to_string_lossy();
        let format = "--showformat=${Package}\\n${Architecture}\\n${Version}";
        let described = self.ask("dpkg-deb", &["-W", format, &path]).await;
        let text = described.filter(|answer| answer.status.success()).map(|answer| answer.stdout).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut fields = text.lines();
        let (Some(name), Some(architecture), Some(version)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(Failure::new(format!("{path} is no Debian package that dpkg-deb can read")));
        };
        let architecture = Some(architecture).filter(|architecture| *architecture != "all");
        let wanted = [Wanted { name, architecture, version: Some(version), suite: None }];
        if self.are_installed(&wanted).await {
            self.say(&format!("[{name} {version} installed already]"));
            return Ok(());
        }
        let mut install = words("dpkg --force-confdef --force-confold -i");
        install.push(path.clone().into_owned());
        loop {
            let Err(failed) = self.step(&install).await else { return Ok(()) };
            if failed.complaint == Complaint::Missing || failed.failure.exit >= 124 {
                return Err(failed.into());
            }
            self.apt_get(state, &words("-f install")).await?;
            if self.are_installed(&wanted).await {
                return Ok(());
            }
            // Where its dependencies cannot be had, apt has just removed it, with success. Old lists may only not know them.
            if state.updated {
                return Err(failed.into());
            }
            self.update(state).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names_and_nothing_else() {
        for good in ["fio", "g++", "libstdc++6", "fio:arm64", "fio=3.36-1~x", "fio/stable", "0ad", "fio:arm64=1:2.0"] {
            assert!(Wanted::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["-o", "--reinstall", "", "./x.deb", "/x.deb", "a b", "a;b", "fio=", "?name", "~n", "a*", "fio=-x", "é"]
        {
            assert!(Wanted::parse(bad).is_err_and(|text| text.contains("is no name of a package")), "{bad}");
        }
        assert!(Wanted::parse("fio-").is_err_and(|text| text.contains("would remove")));
    }

    #[test]
    fn what_is_installed_is_told_by_architecture_version_and_status() {
        let installed =
            "fio\tamd64\t3.36\tii \nlib\ti386\t1\tii \nold\tamd64\t1\trc \nheld\tall\t1\thi \nbad\tamd64\t1\tiiR";
        let has = |word: &str| Wanted::parse(word).is_ok_and(|wanted| wanted.is_in(installed, "amd64"));
        for there in ["fio", "fio:amd64", "fio=3.36", "lib:i386", "held"] {
            assert!(has(there), "{there}");
        }
        for absent in ["fio=3.37", "fio:arm64", "fio/stable", "lib", "old", "bad", "nonesuch"] {
            assert!(!has(absent), "{absent}");
        }
    }
}
