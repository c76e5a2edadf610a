# Installs the web app into IIS from the folder that this script lies in. Needs no network.
$ErrorActionPreference = 'Stop'

Install-WindowsFeature -Name Web-Server | Out-Null
Get-ChildItem -LiteralPath 'C:\inetpub\wwwroot' | Remove-Item -Recurse -Force
Copy-Item -Path (Join-Path $PSScriptRoot 'site\*') -Destination 'C:\inetpub\wwwroot' -Recurse -Force

Write-Output 'webapp is installed in C:\inetpub\wwwroot and starts with the machine'
