//! ActiveMQ with its STOMP connector and its default store, as Debian packages it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Face, Launch, free_address};

const HOME: &str = "/usr/share/activemq";
const STARTER: &str = "/usr/share/java/activemq-run.jar";

pub(super) fn is_installed() -> bool {
    Path::new(STARTER).is_file() && Path::new(HOME).is_dir()
}

pub(super) fn launch(program: &Path, folder: &Path) -> Result<Launch> {
    let stomp = free_address()?;
    let config = folder.join("activemq.xml");
    fs::write(&config, config_for(&format!("stomp+nio://{stomp}")))?;
    let mut command = Command::new(program);
    command.args(["-Xms512M", "-Xmx2G", "-Dorg.apache.activemq.UseDedicatedTaskRunner=false"]);
    command.arg(format!("-Dactivemq.home={HOME}"));
    for name in ["base", "conf", "data"] {
        command.arg(format!("-Dactivemq.{name}={}", folder.display()));
    }
    command.args(["-cp", STARTER, "org.apache.activemq.console.Main", "start"]);
    command.arg(format!("xbean:file:{}", config.display()));
    Ok(Launch::new(command, vec![(Face::Stomp, stomp)]))
}

/// As the package's instance `main`, with another connector. Without `tcpNoDelay`, Nagle's algorithm stalls it.
fn config_for(connector: &str) -> String {
    format!(
        r#"<beans xmlns="http://www.springframework.org/schema/beans"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans-2.0.xsd
    http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
  <bean class="org.springframework.beans.factory.config.PropertyPlaceholderConfigurer"/>
  <broker xmlns="http://activemq.apache.org/schema/core" useJmx="false" brokerName="localhost"
      dataDirectory="${{activemq.data}}">
    <persistenceAdapter>
      <kahaDB directory="${{activemq.data}}/kahadb"/>
    </persistenceAdapter>
    <transportConnectors>
      <transportConnector name="stomp" uri="{connector}?transport.tcpNoDelay=true&amp;maximumConnections=20000"/>
    </transportConnectors>
  </broker>
</beans>
"#
    )
}
