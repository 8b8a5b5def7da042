<?php
// PHPMailer, which WordPress sends with. Arguments: port, starttls|tls|plain, token, count, file of the authority.
require '/usr/share/php/libphp-phpmailer/autoload.php';
[, $port, $mode, $token, $count, $authority] = $argv;
$mail = new PHPMailer\PHPMailer\PHPMailer(true);
$mail->isSMTP();
$mail->Host = 'localhost';
$mail->Port = (int) $port;
$mail->SMTPAuth = true;
$mail->Username = 'resend';
$mail->Password = $token;
$mail->SMTPSecure = ['starttls' => 'tls', 'tls' => 'ssl', 'plain' => ''][$mode];
$mail->SMTPAutoTLS = $mode !== 'plain';
$mail->SMTPOptions = ['ssl' => ['cafile' => $authority]];
$mail->SMTPKeepAlive = true;
$mail->CharSet = 'UTF-8';
$mail->setFrom('us@example.com', 'Us');
$mail->addAddress('ana@example.org');
$mail->addCC('bo@example.org');
$mail->addBCC('eve@example.org');
$mail->Subject = 'Grüße ✓';
$mail->isHTML(true);
$mail->Body = '<p>Hello ümläut</p>';
$mail->AltBody = "Hello\n.one dot\n..two\nümläut\n";
$mail->Ical = file_get_contents(__DIR__ . '/invite.ics');
$mail->addStringAttachment(implode('', array_map('chr', range(0, 255))), 'a.bin');
for ($i = 0; $i < $count; $i++) {
    $mail->send();
}
$mail->smtpClose();
